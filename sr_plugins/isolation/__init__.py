"""Laws of other distributions in processes of their own: the worker, and what it is asked through."""
