/* native_expr.h - simple Lua expressions over a record's value, answered without Lua.
 *
 *     v.total    v.user.name    v.items[1].id    #v.items > 3    v.status == "paid"
 *     v.total > 100 and v.kind ~= 'x'    not v.bot    (v.qty * v.price) % 10 == 0
 *
 * What is answered is what Lua would have answered. What is not this language (a call, `..`, a
 * global) does not compile; what Lua would raise an error for, and all that is unusual, is
 * undecided: the caller asks Lua then, whose result or error is the one that counts.
 *
 * Owner:   the caller; an expression does not change.
 * Thread:  any; a document (native_doc.h) one at a time.
 * Memory:  one block an expression. Results borrow from the document, or from the expression.
 * Fails:   compiling: NULL, also without memory. Evaluating: `false`, undecided. */
#ifndef SRT_SCRIPT_NATIVE_EXPR_H
#define SRT_SCRIPT_NATIVE_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "script/native_doc.h"

struct native_expr;

/* The text is one that Lua took for an expression (script_compile() sees to it). */
struct native_expr *native_expr_compile(const char *text, size_t len);
void native_expr_destroy(struct native_expr *expr); /* accepts NULL */

/* Of the value that the document was set to. */
bool native_expr_eval(const struct native_expr *expr, struct native_doc *doc,
                      struct native_value *ret);

#endif
