"""The page that measures a model's speed and compares what was measured."""
