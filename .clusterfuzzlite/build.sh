#!/bin/bash -eu
# Builds every target of fuzz/targets.tsv for an engine that is not ours (ClusterFuzzLite, OSS-Fuzz): its compilers and
# flags come in CC CXX CFLAGS CXXFLAGS, its engine in LIB_FUZZING_ENGINE, and nothing is added to them. Leaves in OUT
# each <name>_fuzzer with its _seed_corpus.zip, .dict and .options. The sources are in SRC/aether and SRC/libpcap.
set -o pipefail

aether=$SRC/aether
jobs=$(nproc)

# libpcap as a static library, of which only reading and writing files is used.
cmake -S "$SRC/libpcap" -B "$WORK/libpcap" -DCMAKE_BUILD_TYPE=None -DBUILD_SHARED_LIBS=OFF -DBUILD_WITH_LIBNL=OFF \
  -DDISABLE_BLUETOOTH=ON -DDISABLE_DBUS=ON -DDISABLE_DPDK=ON -DDISABLE_LINUX_USBMON=ON -DDISABLE_NETMAP=ON \
  -DDISABLE_RDMA=ON -DDISABLE_SNF=ON -DENABLE_REMOTE=OFF
cmake --build "$WORK/libpcap" -j "$jobs" --target pcap_static

# Build type None: optimisation is the engine's, too. A newer compiler may have warnings that we have not seen.
CXXFLAGS="$CXXFLAGS -I$SRC/libpcap" cmake -S "$aether" -B "$WORK/aether" -DCMAKE_BUILD_TYPE=None -DAETHER_FUZZ=ON \
  -DAETHER_FUZZ_ENGINE="$LIB_FUZZING_ENGINE" -DAETHER_WARNINGS_ARE_ERRORS=OFF \
  -DAETHER_PCAP_LIBRARY="$WORK/libpcap/libpcap.a"
cmake --build "$WORK/aether" -j "$jobs" --target fuzz_targets

while IFS=$'\t' read -r name kind _ max_len _; do
  case $name in "" | "#"*) continue ;; esac
  cp "$WORK/aether/bin/${name}_fuzzer" "$OUT/"
  (cd "$aether/corpora/fuzz/$name" && zip -q -r "$OUT/${name}_fuzzer_seed_corpus.zip" .)
  if [[ -e $aether/fuzz/dictionaries/$name.dict ]]; then
    cp "$aether/fuzz/dictionaries/$name.dict" "$OUT/${name}_fuzzer.dict"
  fi
  printf '[libfuzzer]\nmax_len = %s\ntimeout = 25\n' "$max_len" >"$OUT/${name}_fuzzer.options"
  # As ci/fuzz does: see engine_flags in ci/fuzzing/targets.py.
  case $kind in stack | two) echo 'entropic = 0' >>"$OUT/${name}_fuzzer.options" ;; esac
done <"$aether/fuzz/targets.tsv"
