"""The standard rules a quant expects by name, one file each: a covariance in, labelled weights with their proof out."""
