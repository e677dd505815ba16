# Mynah's build. `make help` lists the targets. One non-recursive makefile; the layering is tools/layers.mk.
#
#   B      build folder            (build)          SAN    sanitizers, e.g. address,undefined
#   CC     C compiler              (gcc)            OPT    optimisation flags (-O2)
B   ?= build
CC  := $(if $(filter default,$(origin CC)),gcc,$(CC))
CXX := $(if $(filter default,$(origin CXX)),g++,$(CXX))
OPT ?= -O2
SAN ?=
# V=1 shows whole commands, else each file's name.
Q = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo "  $(@:$(B)/%=%)";))

include tools/layers.mk
MODULES := base text tensor net media store model infer social archive corpus mind api cmd

WARN  := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
         -Wundef -Wformat=2 -Wcast-qual -Wwrite-strings
ifeq ($(WERROR),1)
WARN  += -Werror
endif
SANF  := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
FLAGS := $(OPT) -g -fno-math-errno -ffp-contract=off -pthread $(SANF) -Isrc -I$(B)/gen -D_GNU_SOURCE
CFLAGS_ALL := -std=c17 $(WARN) $(FLAGS) $(CFLAGS)
# A library is named by the module that wraps it; what pkg-config does not know is spelled out.
PKG_base := libcrypto libxxhash
PKG_text := libutf8proc gumbo
LIB_text := -lcld2
LIB_tensor := -ldl
PKG_net := zlib libzstd libcrypto
PKG_media := libjpeg libpng libwebp libwebpdemux libseccomp
LIB_media := -lgif
PKG_store := sqlite3
PKG_model := liblzma
LIB_base := -ldl
PKG_social := libsodium libpcre2-8
# These are opened when they are first needed (base/late.h) and not linked, but by tests that use them themselves.
LATE_net := libmicrohttpd libcurl
LATE_media := libavif
LATE_store := libpq
LATE_archive := libarchive
LATE  := $(foreach m,$(MODULES),$(LATE_$(m)))
PKGS  := $(foreach m,$(MODULES),$(PKG_$(m))) $(LATE)
# Absent libraries are named once, clearly, before the compiler is asked.
ABSENT := $(shell for p in $(PKGS); do pkg-config --exists $$p 2>/dev/null || echo $$p; done)
$(if $(ABSENT),$(warning these libraries are missing: $(ABSENT); `tools/setup.sh build` installs them))
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

# ---- objects and one archive a module ---------------------------------------------------------------------------
c_of   = $(sort $(wildcard src/$(1)/*.c src/$(1)/*/*.c))
cc_of  = $(sort $(wildcard src/$(1)/*.cc))
obj_of = $(patsubst src/%.c,$(B)/obj/%.o,$(call c_of,$(1))) $(patsubst src/%.cc,$(B)/obj/%.o,$(call cc_of,$(1)))
lib_of = $(B)/lib/libmn_$(1).a
# A module, what it sees and what those see, most dependent first: link order.
needs   = $(LAYER_$(1)) $(foreach m,$(LAYER_$(1)),$(LAYER_$(m)))
closure = $(1) $(foreach m,$(filter $(call needs,$(1)),$(call rev,$(MODULES))),$(m))
rev     = $(if $(1),$(call rev,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
libs_of = $(foreach m,$(call closure,$(1)),$(call lib_of,$(m)))
ld_of   = $(foreach m,$(call closure,$(1)),$(LIB_$(m))) \
          $(shell pkg-config --libs $(foreach m,$(call closure,$(1)),$(PKG_$(m))) 2>/dev/null) \
          $(if $(filter text,$(call closure,$(1))),-lstdc++) -lm -pthread
test_ld_of = -Wl,--as-needed $(call ld_of,$(1)) $(shell pkg-config --libs $(foreach m,$(call closure,$(1)),$(LATE_$(m))) 2>/dev/null)

all: mynah
.PHONY: all mynah
mynah: $(B)/mynah
	@$(if $(filter build,$(B)),ln -sf $(B)/mynah mynah,:)

$(B)/mynah: $(call libs_of,cmd)
	$(Q)$(CC) $(FLAGS) -o $@ -Wl,--whole-archive $(call lib_of,cmd) -Wl,--no-whole-archive \
	  $(filter-out $(call lib_of,cmd),$(call libs_of,cmd)) $(call ld_of,cmd)

define module_rules
$(call lib_of,$(1)): $(call obj_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $(call obj_of,$(1))
endef
$(foreach m,$(MODULES),$(eval $(call module_rules,$(m))))

$(B)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_$(subst /,_,$*)) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/obj/%.o: src/%.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -Wall -Wextra $(FLAGS) -MMD -MP -c -o $@ $<
# Inner loops of the tensor module are written to be vectorised; per-file CPU variants are chosen at run time.
$(B)/obj/tensor/%.o: OPT := -O3
CFLAGS_tensor_kernels_plain  := -ffp-contract=fast -Wno-psabi
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
CFLAGS_tensor_kernels_avx2   := -mavx2 -mfma -ffp-contract=fast -Wno-psabi
CFLAGS_tensor_kernels_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512 \
                                -ffp-contract=fast -Wno-psabi
CFLAGS_tensor_packed_avx2    := -mavx2 -mfma -mf16c -Wno-psabi
CFLAGS_tensor_packed_avxvnni := -mavx2 -mfma -mf16c -mavxvnni -Wno-psabi
CFLAGS_tensor_attend_avx2    := -mavx2 -mfma -mf16c -Wno-psabi
CFLAGS_tensor_attend_avx512  := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -Wno-psabi
CFLAGS_tensor_packed_avx512  := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16 -mfma -mf16c -Wno-psabi
endif

# Sanitizers make a quarter of an hour of these tiles: they are checked against packed_plain.c and attend_plain.c, which are instrumented.
$(foreach k,packed_avx2 packed_avxvnni packed_avx512 attend_avx2 attend_avx512 packed_neon packed_neondot attend_neon,\
  $(eval CFLAGS_tensor_$(k) += $(if $(SAN),-fno-sanitize=all)))

include tools/cuda.mk

# ---- tests: tests/unit/MODULE/test_X.c links MODULE and what it sees ---------------------------------------------
UNIT := $(sort $(wildcard tests/unit/*/test_*.c))
CONTRACT := $(sort $(wildcard tests/contract/test_*.c))
MODEL := $(sort $(wildcard tests/model/test_*.c))
HTTPT := $(sort $(wildcard tests/http/test_*.c))
UNIT_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(UNIT) $(CONTRACT) $(MODEL) $(HTTPT))
FUZZ := $(sort $(wildcard tests/fuzz/fuzz_*.c))
test_module = $(if $(filter unit/%,$(1)),$(word 2,$(subst /, ,$(1))),$(if $(filter contract/%,$(1)),social,cmd))

.SECONDEXPANSION:
$(B)/tests/%: tests/%.c tests/test.h $$(call libs_of,$$(call test_module,$$*))
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_ALL)) -Wno-conversion -Wno-cast-qual $(PKG_CFLAGS) -Itests -MMD -MP \
	  -o $@ $< $(filter-out $(call lib_of,cmd),$(call libs_of,$(call test_module,$*))) \
	  $(call test_ld_of,$(call test_module,$*)) -lcmocka -ljansson -lz

.PHONY: tests unit fuzz bench web format layers sizes headers install clean help check
tests: $(UNIT_BIN) mynah
check:
	./check
unit: tests
	@rm -f $(B)/counts; tools/run-tests.sh $(B)/counts $(UNIT_BIN); cat $(B)/counts

# Fuzz targets: libFuzzer with clang; `make fuzz-replay` builds them with the compiler at hand and replays the corpora.
# The first line of a target names the module it needs: /* module: text */
fuzz_module = $(or $(shell sed -n 's,^/\* module: \([a-z]*\).*,\1,p' tests/fuzz/$(1).c),cmd)
.PHONY: fuzz-replay
fuzz-replay: $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ))
$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/main.c $$(call libs_of,$$(call fuzz_module,$$*))
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_ALL)) -Wno-conversion -Wno-cast-qual $(PKG_CFLAGS) -o $@ $< \
	  $(if $(findstring fuzzer,$(SAN)),,tests/fuzz/main.c) \
	  $(filter-out $(call lib_of,cmd),$(call libs_of,$(call fuzz_module,$*))) $(call ld_of,$(call fuzz_module,$*)) -ljansson

# Programs whose threads matter, for the thread sanitizer. Not SmolLM2's training, which then takes 14 GB: small models train as well.
.PHONY: tsan-tests
tsan-tests: $(patsubst tests/%.c,$(B)/tests/%,$(filter-out tests/unit/infer/test_go_on.c,$(wildcard tests/unit/base/*.c tests/unit/net/*.c tests/unit/infer/*.c)) \
  $(wildcard tests/unit/model/test_reduce.c tests/unit/model/test_train.c tests/unit/model/test_continue.c tests/unit/corpus/test_tasks.c tests/contract/*.c))

# Benchmarks that are programs of their own: bench/X.c becomes $(B)/bench/X.
bench: $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c)) ## build the benchmarks below bench/
$(B)/bench/%: bench/%.c $$(call libs_of,cmd)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -Wno-conversion $(PKG_CFLAGS) -MMD -MP -o $@ $< \
	  $(filter-out $(call lib_of,cmd),$(call libs_of,cmd)) $(call ld_of,cmd)

# ---- web: built by npm into web/dist, embedded in the program as generated C ------------------------------------
.PHONY: web web-if-possible
WEB_SRC := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
web: web/dist/stamp ## build the web app (needs npm)
web/dist/stamp: $(WEB_SRC)
	cd web && npm ci --silent --no-audit --no-fund && npm run -s build
	@touch $@
web-if-possible: # a build without npm has no web app; the pages work without it
	@if [ -f web/dist/stamp ] || command -v npm >/dev/null 2>&1; then \
	  $(MAKE) -s --no-print-directory web || echo "make: the web app could not be built and is left out; the pages work without it" >&2; \
	fi

# The style sheet, the icon and the web app (when built) become part of the program. Made anew each time, replaced only
# when different, so that a changed set of files is noticed and nothing else is rebuilt.
EMBED := $(sort $(wildcard src/api/pages/*.css src/api/pages/*.svg web/dist/*.js web/dist/*.css))
.PHONY: FORCE
$(B)/embed: tools/embed.c
	@mkdir -p $(@D)
	$(CC) -O1 -o $@ $< -lz
$(B)/gen/assets.inc: $(B)/embed FORCE
	@mkdir -p $(@D)
	@$(B)/embed $(EMBED) >$@.tmp && { cmp -s $@.tmp $@ && rm -f $@.tmp || mv -f $@.tmp $@; }
$(B)/obj/api/assets.o: $(B)/gen/assets.inc

# The names under which the libraries that are not linked are installed here: libX.so.N.
$(B)/gen/sonames.h: FORCE
	@mkdir -p $(@D)
	@for l in $(LATE); do readelf -d $$($(CC) -print-file-name=lib$${l#lib}.so) | \
	  sed -n "s/.*(SONAME).*\[\(.*\)\]/#define MN_SONAME_$$(echo $${l#lib} | tr a-z A-Z) \"\1\"/p"; done >$@.tmp; \
	  cmp -s $@.tmp $@ && rm -f $@.tmp || mv -f $@.tmp $@
$(patsubst %,$(B)/obj/%.o,net/late store/postgres archive/source media/avif): $(B)/gen/sonames.h

# ---- the workshop -----------------------------------------------------------------------------------------------
format: ## rewrite all C files in the house style
	clang-format-14 -i $$(git ls-files '*.c' '*.h' '*.cc' | grep -v -e '_table\.h$$' -e '_table\.c$$')
layers: ## check who includes whom
	@tools/check-layers.sh
sizes: ## check function and file sizes
	@tools/check-sizes.sh
headers: ## check that every header compiles alone
	@for h in $$(find src -name '*.h'); do \
	  echo "#include \"$${h#src/}\"" | $(CC) $(CFLAGS_ALL) -Wno-pedantic $(PKG_CFLAGS) -fsyntax-only -x c - || exit 1; done
clean: ## remove what was built
	rm -rf $(B) mynah
PREFIX ?= /usr/local
install: mynah ## install below PREFIX
	install -D -m 755 $(B)/mynah $(DESTDIR)$(PREFIX)/bin/mynah
	for m in docs/man/*.[158]; do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

-include $(shell find $(B) -name '*.d' 2>/dev/null)
