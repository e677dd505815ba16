# The GPU's library, and its twin for machines without a GPU (docs/design/cuda.md). Read by the Makefile.
#
#   make CUDA=1                         with nvcc in PATH, or CUDA_HOME=… where a toolkit lies
#
# libmynah-cuda.so is opened at run time by a program that links nothing of CUDA; it lies beside it.
CUDA_HOME ?=
NVCC      ?= $(if $(CUDA_HOME),$(CUDA_HOME)/bin/nvcc,nvcc)
CUDA_GEN  ?= -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_90,code=compute_90
CUDA_SRC  := $(sort $(wildcard src/tensor/cuda/*.cu))
CUDA_HEAD := src/tensor/cuda/device.cuh src/tensor/cuda_api.h src/tensor/polar.h src/tensor/ref.h
CUDA_LIBS := $(if $(CUDA_HOME),-L$(CUDA_HOME)/lib -L$(CUDA_HOME)/lib64) -l:libcublasLt.so.13

ifeq ($(CUDA),1)
all: cuda
endif
.PHONY: cuda
cuda: $(B)/libmynah-cuda.so ## the GPU's library (needs nvcc); `make CUDA=1` builds it with the program
$(B)/obj/tensor/cuda/%.cu.o: src/tensor/cuda/%.cu $(CUDA_HEAD)
	@mkdir -p $(@D)
	$(Q)$(NVCC) -std=c++17 -O3 -lineinfo -Isrc $(CUDA_GEN) $(if $(PTXAS),-Xptxas $(PTXAS)) \
	  -Xcompiler -fPIC,-Wall,-Wextra,-fvisibility=hidden -c -o $@ $<
$(B)/libmynah-cuda.so: $(patsubst src/%.cu,$(B)/obj/%.cu.o,$(CUDA_SRC))
	$(Q)$(NVCC) -shared -cudart static -o $@ $^ $(CUDA_LIBS) -ldl

# The same kernels run thread by thread on the CPU: what tests open instead ($MYNAH_CUDA_LIB). The address sanitizer looks at each way to a
# thread's variables but the shortest, which only programs that have libstdc++ at their start can give; the thread sanitizer knows nothing of
# fibres and is left out.
CUDA_EMU := $(B)/lib/libmynah-cuda-emu.so
EMU_SAN  := $(if $(findstring address,$(SANF)),$(SANF) -ftls-model=initial-exec)
$(CUDA_EMU): $(CUDA_SRC) $(CUDA_HEAD) $(wildcard tests/cuda/emu/*)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -Wall -Wextra -Wno-unknown-pragmas $(if $(filter 1,$(WERROR)),-Werror) -O3 -g -pthread $(EMU_SAN) -fPIC -shared \
	  -fvisibility=hidden -Isrc -Itests/cuda/emu -o $@ $(filter %.cc,$^) -x c++ $(CUDA_SRC) -ldl
$(B)/tests/unit/model/test_gpu $(B)/tests/unit/model/test_train_gpu $(B)/tests/unit/infer/test_gpu: | $(CUDA_EMU)
