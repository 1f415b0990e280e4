"""The service's domain: posts in, scores, topics, flags, episodes and reports out."""
