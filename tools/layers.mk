# Which module may include which: the table of the layering, read by the Makefile (link order) and by
# tools/check-layers.sh (includes). A module sees those on its right, and nothing else.
LAYER_base    :=
LAYER_text    := base
LAYER_tensor  := base
LAYER_net     := base
LAYER_media   := base
LAYER_store   := base
LAYER_model   := base text tensor
LAYER_infer   := base text tensor model
LAYER_social  := base text store
LAYER_archive := base text store social
LAYER_corpus  := base text store social
LAYER_mind    := base text store social corpus infer
LAYER_api     := base text tensor net media store model infer social archive corpus mind
LAYER_cmd     := base text tensor net media store model infer social archive corpus mind api
