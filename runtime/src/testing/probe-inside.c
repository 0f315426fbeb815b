// Tries from inside of a container what an attacker would try, and says of each attempt the number of the error that
// the kernel gave, or 0 if it succeeded. Its arguments are the port and the abstract socket at which the test listens.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, long result) {
  printf("%s %d\n", name, result < 0 ? errno : 0);
  fflush(stdout);
}

static void write_to(const char *name, const char *path, int flags) {
  int file = open(path, O_WRONLY | flags, 0644);
  say(name, file);
  if (file >= 0) close(file);
}

// How much is in a file or folder; what is masked has nothing.
static void read_from(const char *name, const char *path) {
  char byte;
  struct stat found;
  long size = -1;
  if (stat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
    DIR *folder = opendir(path);
    size = folder == NULL ? -1 : -2;
    while (folder != NULL && readdir(folder) != NULL) size += 1;
    if (folder != NULL) closedir(folder);
  } else {
    int file = open(path, O_RDONLY | O_NONBLOCK);
    if (file >= 0) size = read(file, &byte, 1);
  }
  printf("%s %s\n", name, size > 0 ? "shown" : "hidden");
}

static void connect_to(const char *name, int family, const void *address, socklen_t length) {
  int connection = socket(family, SOCK_STREAM, 0);
  say(name, connect(connection, address, length));
  close(connection);
}

static void run(const char *name, char *const words[]) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execv(words[0], words);
    say(name, -1);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static int count_processes(void) {
  DIR *folder = opendir("/proc");
  int count = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (atoi(entry->d_name) > 0) count += 1;
  }
  closedir(folder);
  return count;
}

static void copy(const char *from, const char *to) {
  char buffer[65536];
  int source = open(from, O_RDONLY), target = open(to, O_WRONLY | O_CREAT, 0755);
  for (ssize_t size; (size = read(source, buffer, sizeof buffer)) > 0;) {
    if (write(target, buffer, (size_t)size) != size) break;
  }
  close(source);
  close(target);
}

static void try_sockets(const char *port, const char *abstract) {
  struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  host.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect_to("tcp-of-the-host", AF_INET, &host, sizeof host);
  struct sockaddr_un hidden = {.sun_family = AF_UNIX};
  strncpy(hidden.sun_path + 1, abstract, sizeof hidden.sun_path - 2);
  connect_to("abstract-socket-of-the-host", AF_UNIX, &hidden,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract)));
  say("raw-socket", socket(AF_INET, SOCK_RAW, 1));
  say("packet-socket", socket(AF_PACKET, SOCK_RAW, 0));
}

// Of what returns a second time in a child.
static void say_child(const char *name, long child) {
  if (child == 0) _exit(0);
  say(name, child);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
}

static void try_kernel(void) {
  say("mount", mount("none", "/tmp", "tmpfs", 0, ""));
  say("remount", mount("none", "/", "", MS_REMOUNT | MS_BIND, ""));
  say("umount", umount2("/proc", MNT_DETACH));
  say("load-module", syscall(SYS_init_module, "", 0, ""));
  say("load-module-file", syscall(SYS_finit_module, 0, "", 0));
  say("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
  say("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
  // Before this process is in such a namespace, where it is nobody.
  say_child("user-namespace-by-clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  struct clone_args flags = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  say_child("user-namespace-by-clone3", syscall(SYS_clone3, &flags, sizeof flags));
  say("new-user-namespace", unshare(CLONE_NEWUSER));
  say("join-namespace", setns(0, 0));
  say("hostname", sethostname("x", 1));
  say("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  say("bpf", syscall(SYS_bpf, 0, 0, 0));
  say("perf", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  say("open-by-handle", syscall(SYS_open_by_handle_at, 0, 0, 0));
  say("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
  say("chroot", chroot("/"));
}

static void try_files(void) {
  write_to("write-tree", "/bin/new", O_CREAT);
  write_to("write-core-pattern", "/proc/sys/kernel/core_pattern", 0);
  write_to("write-sysrq", "/proc/sysrq-trigger", 0);
  write_to("write-sys", "/sys/kernel/mm/ksm/run", 0);
  write_to("write-control-group", "/sys/fs/cgroup/cgroup.procs", 0);
  write_to("write-control-group-pids", "/sys/fs/cgroup/pids/cgroup.procs", 0);
  write_to("memory-of-the-kernel", "/dev/mem", 0);
  write_to("log-of-the-kernel", "/dev/kmsg", 0);
  write_to("loop-control", "/dev/loop-control", 0);
  say("make-device", mknod("/tmp/memory", S_IFCHR | 0600, makedev(1, 1)));
  say("make-pipe", mkfifo("/tmp/pipe", 0600));
  read_from("kcore", "/proc/kcore");
  read_from("keys", "/proc/keys");
  read_from("firmware", "/sys/firmware");
  read_from("timers", "/proc/timer_list");
  read_from("symbols-of-the-kernel", "/proc/kallsyms");
  read_from("modules", "/proc/modules");
  read_from("command-of-the-kernel", "/proc/cmdline");
}

int main(int count, char **words) {
  if (count == 2) {
    printf("%s %d\n", words[1], (int)geteuid());
    return 0;
  }
  printf("processes %d\n", count_processes());
  try_sockets(words[1], words[2]);
  try_files();
  copy("/bin/probe", "/tmp/probe");
  run("written-program", (char *[]){"/tmp/probe", "written-program", NULL});
  run("set-user-id", (char *[]){"/bin/set-user-id", "set-user-id", NULL});
  try_kernel();
  return 0;
}
