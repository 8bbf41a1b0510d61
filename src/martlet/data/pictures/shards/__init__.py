"""Pictures in WebDataset shards: tar files of a picture and its label each, read where they lie."""
