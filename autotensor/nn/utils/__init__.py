"""What is done to the gradients, parameters and sequences of a whole model."""

from autotensor.nn.utils import parametrizations, parametrize, rnn
from autotensor.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from autotensor.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from autotensor.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from autotensor.nn.utils.weight_norm import remove_weight_norm, weight_norm
