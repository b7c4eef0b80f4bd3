"""Between the policy and other libraries: what is plugged into it, and what it is lent to."""
