"""A recurrent network through time: what reaches each step, what the gates do, what is remembered."""
