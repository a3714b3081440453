/* capture.h - what a piece of code writes to standard output and standard error, as text.
 *
 * Owner:   the test; one capture at a time.
 * Thread:  the test's.
 * Memory:  two temporary files, and the texts until the next capture_begin.
 * Fails:   by failing the test. */
#ifndef SRT_SUPPORT_CAPTURE_H
#define SRT_SUPPORT_CAPTURE_H

void capture_begin(void);
void capture_end(void);
const char *capture_stdout(void);
const char *capture_stderr(void);

#endif
