/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a model file.
 */
#include "fuzz.h"
#include "fuzz_model.h"

fuzz_attack *const fuzz_target_attack = fuzz_attack_safetensors;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    fuzz_json_counted();
    fuzz_model_file(bytes, size);
    return 0;
}
