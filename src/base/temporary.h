/* SPDX-License-Identifier: MIT
 *
 * Temporary files: ".spiral-XXXXXXXX.tmp" in the folder of the file that each will become. The name is short,
 * so that a file with the longest name that a folder allows can be written, and it does not end like that of
 * a MIDI file. Its owner holds a lock (flock) on it until it has its final name. A file whose lock is free
 * has no owner any more, and the next writer in the folder removes it.
 */
#ifndef SPIRAL_BASE_TEMPORARY_H
#define SPIRAL_BASE_TEMPORARY_H

/* Creates one beside `target`, open for writing, with the permissions that the umask allows. Returns the
 * descriptor, to be closed after the rename, and *path, to be given to one of the functions below; or -1 and
 * errno. */
int spiral__temporary_create(const char *target, char **path);

/* Ends the ownership of a file that was renamed, or removes one that was not. Both free the path. */
void spiral__temporary_renamed(char *path);
void spiral__temporary_remove(char *path);

#endif
