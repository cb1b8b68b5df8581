/* Stands where the Edge TPU's library does: `load_delegate` of the real runtime calls into it.

   The folder STICKS holds a file per stick, `usb_0`, `usb_1`, `pci_0`; taking the file away unplugs it, and the
   process that has it open aborts, as with the real library. One process at a time can open a stick. What the
   file says happens when it is opened: "abort", "hang". Each call is noted in the file `asked`.
   The delegate takes no operation, so the model runs on the CPU. */

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The first members of TfLiteDelegate, and more room than the rest takes. */
struct delegate {
    void *data;
    int (*prepare)(void *, struct delegate *);
    void *rest[30];
};

static char held[512];

static int prepare(void *context, struct delegate *self) {
    (void)context, (void)self;
    return 0;
}

static void *watch(void *none) {
    while (access(held, F_OK) == 0) usleep(5000);
    fprintf(stderr, "transfer failed. Abort.\n");
    abort();
    return none;
}

static void note(const char *device) {
    char path[512];
    snprintf(path, sizeof path, "%s/asked", getenv("STICKS"));
    FILE *file = fopen(path, "a");
    fprintf(file, "%s %d\n", device, (int)getpid());
    fclose(file);
}

static struct delegate *refuse(void (*report)(const char *), const char *why) {
    report(why);
    return NULL;
}

struct delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                               void (*report)(const char *)) {
    const char *device = "";
    char does[16] = "";
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i], "device") == 0) device = values[i];
    note(device);
    snprintf(held, sizeof held, "%s/%s", getenv("STICKS"), device);
    for (char *c = held + strlen(getenv("STICKS")); *c; c++)
        if (*c == ':') *c = '_';
    int file = open(held, O_RDONLY);
    if (file < 0) return refuse(report, "no such device");
    if (flock(file, LOCK_EX | LOCK_NB) != 0) return refuse(report, "the device is busy");
    if (read(file, does, sizeof does - 1) < 0) return refuse(report, "the device cannot be read");
    if (strncmp(does, "abort", 5) == 0) abort();
    if (strncmp(does, "hang", 4) == 0) sleep(600);
    pthread_t thread;
    pthread_create(&thread, NULL, watch, NULL);
    struct delegate *made = calloc(1, sizeof *made);
    made->prepare = prepare;
    return made;
}

void tflite_plugin_destroy_delegate(struct delegate *made) { free(made); }
