"""Gets files from the hub into the Hugging Face cache, and never fetches a byte twice if it can."""
