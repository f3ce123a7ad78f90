"""Synchronized batch norm for distributed training."""

from __future__ import annotations

from typing import TypeVar

import torch.distributed
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def synchronized(model: Network) -> Network:
    """Synchronizes batch norms over all processes, if there are several on GPUs.

    Call it after the model is on its device and before it is wrapped for distributed training. The state
    dict is unchanged, so a checkpoint fits both forms.

    Args:
        model: Changed in place, unless it is itself a batch norm.

    Returns:
        The model with synchronized batch norms if `torch.distributed` is initialized with more than one
        process and the model is on CUDA (PyTorch supports no other device); otherwise the model unchanged.

    Source:
        The released code synchronizes all batch norms in pretraining.

    Example:
        >>> type(synchronized(nn.BatchNorm1d(4))).__name__  # one process
        'BatchNorm1d'
    """
    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    on_gpu = any(value.is_cuda for value in model.parameters())
    if together and on_gpu and torch.distributed.get_world_size() > 1:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return model
