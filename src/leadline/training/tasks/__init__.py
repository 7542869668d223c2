"""Training methods: supervised, mixed, distillation, self_supervised, ..."""
