"""Other libraries' weight files, read into our models, none of those libraries being needed.

``pretrained.load_pretrained("resnet50")`` is the door. Below it: `published` (rows of what can be had), `keras`,
`torchvision`, `numpy_file` (one for each way of naming and laying out), `hdf5`, `torch_file`, `archive`,
`restricted_pickle` (files, read so that hostile ones do no harm), `assignment` (into the model), `names` (how each
library calls our layers).
"""
