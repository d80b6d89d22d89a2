"""The brief of a day, and answers to questions: each sentence with a citation that resolves."""
