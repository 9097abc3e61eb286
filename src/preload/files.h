/* files.h - files that a program has open for reading where it is stopped, such as the script that a shell reads piece by
 * piece. A fork shares their positions: what one copy reads would be missing for all others. So each copy opens them
 * anew, at the position where they were. */
#ifndef USHERD_PRELOAD_FILES_H
#define USHERD_PRELOAD_FILES_H

/* Notes those from 3 to below `base`. Returns 0, or -1 when there are too many, or one cannot be opened again. */
int files_prepare(int base);

/* In a copy: descriptions of its own in their place. Returns 0 or -1. */
int files_renew(void);

#endif
