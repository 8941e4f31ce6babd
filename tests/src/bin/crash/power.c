// Notes, before the server changes a file of its SQLite database, what was there, and when the disk has what. What is not synced yet
// when the power goes may be lost: see power.rs, which reads the notes. Of two processes at once one may take what the other has noted, and
// not written yet, for synced: nothing is killed while a command runs beside the server.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CHANGE, SYNC };

// A change: `length` bytes at `offset` of a file of `size` bytes, of which the `before` that were there follow. A sync: everything of
// the file that was noted before `offset` is on the disk.
struct note {
    uint64_t kind, file, offset, length, size, before;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

// 0 for the database, 1 for its write-ahead log, -1 for anything else.
static int which(int file) {
    char link[64], path[4096];
    const char *database = getenv("CRASH_POWER_DATABASE");
    if (!database) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t name = strlen(database);
    if (length < (ssize_t)name) return -1;
    path[length] = 0;
    if (strncmp(path, database, name)) return -1;
    if (!path[name]) return 0;
    return strcmp(path + name, "-wal") ? -1 : 1;
}

static int notes(void) {
    static int file = -1;
    if (file < 0) file = open(getenv("CRASH_POWER_NOTES"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return file;
}

static void note(struct note note, const void *before) {
    struct iovec parts[2] = {{&note, sizeof note}, {(void *)before, note.before}};
    if (writev(notes(), parts, 2) != (ssize_t)(sizeof note + note.before)) abort();
}

static void note_change(int which, int file, uint64_t offset, uint64_t length) {
    struct stat now;
    if (fstat(file, &now)) abort();
    uint64_t size = now.st_size, end = offset + length < size ? offset + length : size;
    uint64_t before = offset < end ? end - offset : 0;
    char *content = malloc(before + 1);
    if (!content || pread(file, content, before, offset) != (ssize_t)before) abort();
    note((struct note){CHANGE, which, offset, length, size, before}, content);
    free(content);
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
    int known = which(file);
    if (known < 0) return syscall(SYS_pwrite64, file, data, length, offset);
    pthread_mutex_lock(&turn);
    note_change(known, file, offset, length);
    ssize_t written = syscall(SYS_pwrite64, file, data, length, offset);
    pthread_mutex_unlock(&turn);
    return written;
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    return pwrite64(file, data, length, offset);
}

ssize_t write(int file, const void *data, size_t length) {
    int known = which(file);
    if (known < 0) return syscall(SYS_write, file, data, length);
    pthread_mutex_lock(&turn);
    note_change(known, file, lseek(file, 0, SEEK_CUR), length);
    ssize_t written = syscall(SYS_write, file, data, length);
    pthread_mutex_unlock(&turn);
    return written;
}

int ftruncate64(int file, off64_t size) {
    int known = which(file);
    if (known < 0) return syscall(SYS_ftruncate, file, size);
    struct stat now;
    pthread_mutex_lock(&turn);
    if (fstat(file, &now)) abort();
    off64_t first = size < now.st_size ? size : now.st_size, last = size < now.st_size ? now.st_size : size;
    note_change(known, file, first, last - first);
    int done = syscall(SYS_ftruncate, file, size);
    pthread_mutex_unlock(&turn);
    return done;
}

int ftruncate(int file, off_t size) {
    return ftruncate64(file, size);
}

static int synced(int file, long call) {
    int known = which(file);
    if (known < 0) return syscall(call, file);
    pthread_mutex_lock(&turn);
    off64_t until = lseek(notes(), 0, SEEK_END);
    pthread_mutex_unlock(&turn);
    // As a disk of a cloud does, so that most kills come before it has what is written at that moment.
    usleep(3000);
    int done = syscall(call, file);
    if (!done && !getenv("CRASH_POWER_LIES")) {
        pthread_mutex_lock(&turn);
        note((struct note){SYNC, known, until, 0, 0, 0}, "");
        pthread_mutex_unlock(&turn);
    }
    return done;
}

int fsync(int file) {
    return synced(file, SYS_fsync);
}

int fdatasync(int file) {
    return synced(file, SYS_fdatasync);
}
