"""OpenAI's API beyond chat: responses, ranking, tokens, audio, the document and the page."""
