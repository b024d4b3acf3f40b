/* Makes a disk slow: every fsync and fdatasync of a program that loads this library
 * takes SLOW_FSYNC_MICROSECONDS longer. Loaded by LD_PRELOAD; see bench/disks.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_longer(void)
{
    const char *text = getenv("SLOW_FSYNC_MICROSECONDS");
    long long left = text ? atoll(text) : 0;
    struct timespec pause = {left / 1000000, (left % 1000000) * 1000};
    nanosleep(&pause, NULL);
}

int fsync(int descriptor)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_longer();
    return real(descriptor);
}

int fdatasync(int descriptor)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_longer();
    return real(descriptor);
}
