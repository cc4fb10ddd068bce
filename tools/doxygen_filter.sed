# SPDX-License-Identifier: MIT
# Makes Doxygen's comments of the headers' plain ones: what stands before a declaration, or after it on its line.
1s|^/\* SPDX-License-Identifier: MIT|/** @file|
s|^\( *\)/\* |\1/** |
s|\([;,({]\) */\* |\1 /**< |
s|\( [A-Z_0-9]*\) */\* |\1 /**< |
# "0 .. 1" ends no sentence.
/^ *\/\*\*\|^ \*\|\/\*\*</s| \.\. | ..\\ |g
# "#if" in a text is no link.
s| #\([a-z]\)| \\#\1|g
