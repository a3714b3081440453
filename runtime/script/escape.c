/* A hook stops a script between two instructions of Lua. Some single steps take seconds when a
 * script means harm: a table that grows puts its keys into their new places one after the other,
 * and keys chosen to collide make that quadratic. Such a step can only be left in the middle, with
 * siglongjmp() out of a signal handler; the state is broken then and its memory is dropped whole.
 *
 *     script_call -> lua_pcall -> ... -> luaH_resize  <- the signal comes here: leave
 *                                        `-> budget_alloc -> malloc  <- or here: not now, the
 *                                                                       watchdog tries again
 *
 * Which of the two it is, is told by the address of the instruction: Lua is a shared library of its
 * own. Frames of ours in between are skipped as by any Lua error, which they are written for. */
#include "script/escape.h"

#include <dlfcn.h>
#include <link.h>
#include <lua.h>
#include <stdint.h>
#include <ucontext.h>

static struct {
    uintptr_t from; /* Lua's instructions; none when Lua is part of the program */
    uintptr_t to;
} lua_text;

struct search {
    uintptr_t address;
    bool is_program; /* the first object is the program itself */
};

static int look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct search *search = arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
            search->address - from < segment->p_memsz) {
            if (!search->is_program) {
                lua_text.from = from;
                lua_text.to = from + segment->p_memsz;
            }
            return 1;
        }
    }
    search->is_program = false;
    return 0;
}

void escape_prepare(void)
{
    /* Not &lua_pcallk, which may be an entry of the program's own table of jumps. */
    struct search search = {(uintptr_t)dlsym(RTLD_DEFAULT, "lua_pcallk"), true};
    if (search.address) {
        (void)dl_iterate_phdr(look_at, &search);
    }
}

bool escape_is_safe(const void *context)
{
    const ucontext_t *interrupted = context;
#if defined(__x86_64__)
    uintptr_t at = (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    uintptr_t at = (uintptr_t)interrupted->uc_mcontext.pc;
#else
    (void)interrupted;
    uintptr_t at = 0;
#endif
    return at >= lua_text.from && at < lua_text.to;
}
