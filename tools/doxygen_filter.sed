# SPDX-License-Identifier: MIT
# Turns the plain comments of the headers, before a declaration or after it on its line, into comments for Doxygen.
1s|^/\* SPDX-License-Identifier: MIT|/** @file|
s|^\( *\)/\* |\1/** |
s|\([;,({]\) */\* |\1 /**< |
s|\( [A-Z_0-9]*\) */\* |\1 /**< |
# "0 .. 1" does not end a sentence.
/^ *\/\*\*\|^ \*\|\/\*\*</s| \.\. | ..\\ |g
# "#if" in a text is not a link.
s| #\([a-z]\)| \\#\1|g
