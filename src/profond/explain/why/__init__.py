"""Why a network says what it says of an input."""
