"""A made-up intranet on another port, to see tokens, rights and citations at work: `make portal-demo`."""
