#!/usr/bin/env bash
# Fills fuzz/corpus with the test suites' own files; where a target takes several kinds, a first byte says which.
set -euo pipefail
cd "$(dirname "$0")/.."
fixtures=(crates/reliad-cli/tests/cases/fixtures crates/reliad-dataset/tests/fixtures crates/reliad-imaging/tests/fixtures crates/reliad-weights/tests)

# add TARGET KIND PATTERN: every fixture of that name, with the byte before it (no byte for an empty KIND).
add() {
    mkdir -p "fuzz/corpus/$1"
    find "${fixtures[@]}" -type f -name "$3" -size -64k -print0 | while IFS= read -r -d '' file; do
        name=$(printf '%s' "$2$file" | sha1sum | cut -c1-16)
        { [ -z "$2" ] || printf "\\x$2"; cat "$file"; } > "fuzz/corpus/$1/$name"
    done
}

for kind in png jpg webp; do add pictures "" "*.$kind"; done
add tables 00 "*.csv"
add tables 01 "*.jsonl"
add tables 02 "*.parquet"
add data_sets 00 "label.txt"
add data_sets 01 "*.jsonl"
add data_sets 02 "*.csv"
add data_sets 03 "*.parquet"
add data_sets 04 "*.tar"
add data_sets 05 "*.zip"
add weights 00 "*.safetensors"
add weights 01 "*.pth"
add weights 02 "*.bin"
{ printf "\x00"; cat examples/products/products.csv; } > fuzz/corpus/tables/products
