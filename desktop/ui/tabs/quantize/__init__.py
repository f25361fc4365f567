"""The page that makes quantized files of a model, and shows what each of them lost."""
