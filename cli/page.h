/* SPDX-License-Identifier: MIT
 *
 * The page of `spiral explore` without its model, as the build made it from web/ (meson.build).
 */
#ifndef SPIRAL_CLI_PAGE_H
#define SPIRAL_CLI_PAGE_H

#include <stddef.h>

/* HTML in pieces one after another; @PACK@ stands once in it. count is 0 if the build had no clang for
 * WebAssembly; cli_page_missing then says what it lacked. */
extern const char *const cli_page_pieces[];
extern const size_t cli_page_count;
extern const char *const cli_page_missing;

#endif
