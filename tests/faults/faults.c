/* A layer between a process and the C library's file calls, for tests: loaded with LD_PRELOAD.
 *
 * Below FAULTS_ROOT it (1) counts the calls that change files and fails the Nth of a kind with an errno,
 * once or from there on, after faults_fail(); (2) writes every such call with its data to FAULTS_TRACE, so
 * that a simulator can rebuild the folder as a power cut would have left it. Files are known by device and
 * inode, so that renames do not confuse it. sendfile and copy_file_range are refused, as some file
 * systems refuse them: callers then read and write. Writes through mmap and stdio are not seen,
 * nor are calls that a library makes past the C library; those that rename show when the folder is synced.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, TRUNCATE = 3, SYNC = 4, RENAME = 5, UNLINK = 6, MKDIR = 7, RMDIR = 8, SYNC_FAILED = 9 };

static char root[PATH_MAX];
static size_t root_length;
static int trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int wanted_kind, wanted_errno, persistent, hit;
static long wanted_number, counted;

void faults_trace(const char *to);

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("FAULTS_ROOT"), *to = getenv("FAULTS_TRACE");
    if (folder == NULL || realpath(folder, root) == NULL) return;
    root_length = strlen(root);
    if (to != NULL) faults_trace(to);
}

/* Write calls down in another file from now on. */
void faults_trace(const char *to) {
    if (trace >= 0) close(trace);
    trace = syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Fail the Nth call of a kind (0: of any) from now on; `forever`: and all after it. */
void faults_fail(int kind, long number, int error, int forever) {
    pthread_mutex_lock(&lock);
    wanted_kind = kind; wanted_number = number; wanted_errno = error; persistent = forever;
    counted = 0; hit = 0;
    pthread_mutex_unlock(&lock);
}
/* How many calls of the kind were seen since, and of what kind the one was that was failed; 0: none. */
long faults_counted(void) { return counted; }
int faults_hit(void) { return hit; }

static int below(const char *path) {
    return root_length && strncmp(path, root, root_length) == 0 &&
           (path[root_length] == '/' || path[root_length] == 0);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

/* The absolute name of what a call names, links of its folder resolved; 0 if it is none of ours. */
static int resolved(int at, const char *name, char *path) {
    char whole[2 * PATH_MAX], folder[2 * PATH_MAX];
    if (!root_length || name == NULL) return 0;
    if (name[0] == '/') snprintf(whole, sizeof whole, "%s", name);
    else {
        char base[PATH_MAX];
        if (at == AT_FDCWD) { if (getcwd(base, sizeof base) == NULL) return 0; }
        else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            ssize_t n = readlink(link, base, sizeof base - 1);
            if (n < 0) return 0;
            base[n] = 0;
        }
        snprintf(whole, sizeof whole, "%s/%s", base, name);
    }
    size_t n = strlen(whole);
    while (n > 1 && whole[n - 1] == '/') whole[--n] = 0;
    char *slash = strrchr(whole, '/');
    if (slash == NULL) return 0;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - whole), whole);
    char real[PATH_MAX];
    if (realpath(folder[0] ? folder : "/", real) == NULL) return 0;
    if (snprintf(path, PATH_MAX, "%s/%s", real, slash + 1) >= PATH_MAX) return 0;
    return below(path);
}

static int fails(int kind) {
    int error = 0;
    pthread_mutex_lock(&lock);
    if (wanted_number && (wanted_kind == 0 || wanted_kind == kind)) {
        counted++;
        if (counted == wanted_number || (persistent && counted > wanted_number)) { error = wanted_errno; hit = kind; }
    }
    pthread_mutex_unlock(&lock);
    return error;
}

static void put(const void *data, size_t n) {
    const char *at = data;
    while (n) {
        ssize_t done = syscall(SYS_write, trace, at, n);
        if (done <= 0) abort();
        at += done; n -= done;
    }
}

static void record(int kind, uint64_t inode, int64_t offset, const char *one, const char *two, const void *data, size_t size) {
    if (trace < 0) return;
    struct { uint32_t kind, one, two; uint32_t pad; uint64_t inode; int64_t offset; uint64_t size; } head = {
        kind, one ? strlen(one) : 0, two ? strlen(two) : 0, 0, inode, offset, size };
    put(&head, sizeof head);
    if (one) put(one, head.one);
    if (two) put(two, head.two);
    if (size) put(data, size);
}

static uint64_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

static int opened(int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int ours = (flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) && resolved(at, name, path);
    if (!ours) return syscall(SYS_openat, at, name, flags, mode);
    int error = fails(OPEN);
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&lock);
    struct stat before;
    int there = fstatat(at, name, &before, 0) == 0;
    int fd = syscall(SYS_openat, at, name, flags, mode);
    int kept = errno;
    if (fd >= 0) {
        if (!there) record(OPEN, inode_of(fd), 0, path, NULL, NULL, 0);
        else if ((flags & O_TRUNC) && S_ISREG(before.st_mode)) record(TRUNCATE, before.st_ino, 0, NULL, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = kept;
    return fd;
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); } \
        return opened(AT_FDCWD, path, flags, mode); \
    }
OPENS(open)
OPENS(open64)
#define OPENATS(name) \
    int name(int at, const char *path, int flags, ...) { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); } \
        return opened(at, path, flags, mode); \
    }
OPENATS(openat)
OPENATS(openat64)

static ssize_t written(int fd, const void *data, size_t size, int64_t offset) {
    char path[PATH_MAX];
    if (!root_length || fd == trace || !path_of(fd, path))
        return offset < 0 ? syscall(SYS_write, fd, data, size) : syscall(SYS_pwrite64, fd, data, size, offset);
    int error = fails(WRITE);
    if (error) {
        /* A full disk takes what still fits. */
        if (error == ENOSPC && size > 1) {
            size_t part = size / 2;
            pthread_mutex_lock(&lock);
            int64_t at = offset < 0 ? lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR) : offset;
            ssize_t done = offset < 0 ? syscall(SYS_write, fd, data, part) : syscall(SYS_pwrite64, fd, data, part, offset);
            if (done > 0) record(WRITE, inode_of(fd), at, NULL, NULL, data, done);
            pthread_mutex_unlock(&lock);
        }
        errno = error;
        return -1;
    }
    pthread_mutex_lock(&lock);
    ssize_t done;
    int64_t at = offset;
    if (offset < 0) {
        done = syscall(SYS_write, fd, data, size);
        if (done > 0) at = lseek(fd, 0, SEEK_CUR) - done;
    } else done = syscall(SYS_pwrite64, fd, data, size, offset);
    int kept = errno;
    if (done > 0) record(WRITE, inode_of(fd), at, NULL, NULL, data, done);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return written(fd, data, size, -1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return written(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return written(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    ssize_t all = 0;
    char path[PATH_MAX];
    if (!root_length || !path_of(fd, path)) return syscall(SYS_writev, fd, parts, count);
    for (int n = 0; n < count; n++) {
        if (parts[n].iov_len == 0) continue;
        ssize_t done = written(fd, parts[n].iov_base, parts[n].iov_len, -1);
        if (done < 0) return all ? all : -1;
        all += done;
        if ((size_t)done < parts[n].iov_len) break;
    }
    return all;
}

static int truncated(int fd, off64_t size) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return syscall(SYS_ftruncate, fd, size);
    int error = fails(TRUNCATE);
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_ftruncate, fd, size), kept = errno;
    if (done == 0) record(TRUNCATE, inode_of(fd), size, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}
int ftruncate(int fd, off_t size) { return truncated(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size); }

static int synced(int fd, int number) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return syscall(number, fd);
    int error = fails(SYNC);
    if (error) {
        pthread_mutex_lock(&lock);
        record(SYNC_FAILED, inode_of(fd), 0, NULL, NULL, NULL, 0);
        pthread_mutex_unlock(&lock);
        errno = error;
        return -1;
    }
    /* The bytes of a test need not reach any disk: what counts is that they were asked to. */
    pthread_mutex_lock(&lock);
    /* Some libraries rename by system calls of their own: a folder's names are noted as they are. */
    char *names = NULL;
    size_t size = 0;
    struct stat found;
    DIR *folder = fstat(fd, &found) == 0 && S_ISDIR(found.st_mode) ? opendir(path) : NULL;
    if (folder != NULL) {
        FILE *list = open_memstream(&names, &size);
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                fprintf(list, "%llu %s%c", (unsigned long long)entry->d_ino, entry->d_name, 0);
        fclose(list);
        closedir(folder);
    }
    record(SYNC, inode_of(fd), 0, NULL, NULL, names, size);
    free(names);
    pthread_mutex_unlock(&lock);
    return 0;
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int renamed(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char one[PATH_MAX], two[PATH_MAX];
    int ours = resolved(from_at, from, one) & resolved(to_at, to, two);
    if (!ours) return syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    int error = fails(RENAME);
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_renameat2, from_at, from, to_at, to, flags), kept = errno;
    if (done == 0) record(RENAME, 0, 0, one, two, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return renamed(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return renamed(a, from, b, to, flags); }

static int removed(int at, const char *name, int flags) {
    char path[PATH_MAX];
    if (!resolved(at, name, path)) return syscall(SYS_unlinkat, at, name, flags);
    int error = fails(UNLINK);
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_unlinkat, at, name, flags), kept = errno;
    if (done == 0) record(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, path, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}
int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int unlinkat(int at, const char *name, int flags) { return removed(at, name, flags); }
int rmdir(const char *name) { return removed(AT_FDCWD, name, AT_REMOVEDIR); }

static int made(int at, const char *name, mode_t mode) {
    char path[PATH_MAX];
    if (!resolved(at, name, path)) return syscall(SYS_mkdirat, at, name, mode);
    int error = fails(MKDIR);
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_mkdirat, at, name, mode), kept = errno;
    if (done == 0) {
        struct stat found;
        record(MKDIR, fstatat(at, name, &found, 0) ? 0 : found.st_ino, 0, path, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}
int mkdir(const char *name, mode_t mode) { return made(AT_FDCWD, name, mode); }
int mkdirat(int at, const char *name, mode_t mode) { return made(at, name, mode); }

ssize_t sendfile(int to, int from, off_t *at, size_t n) { (void)to; (void)from; (void)at; (void)n; errno = EINVAL; return -1; }
ssize_t sendfile64(int to, int from, off64_t *at, size_t n) { (void)to; (void)from; (void)at; (void)n; errno = EINVAL; return -1; }
ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t n, unsigned flags) {
    (void)from; (void)a; (void)to; (void)b; (void)n; (void)flags; errno = EXDEV; return -1;
}
