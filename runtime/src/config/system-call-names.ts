/**
 * System calls that an app may make, by purpose (Linux manual, syscalls(2)). They act on the caller's own memory,
 * files, processes and sockets, or need a capability that the kernel checks by itself. Names that an
 * architecture does not have are ignored by the runtimes.
 */
export const allowedSystemCalls: readonly string[] = [
  words(
    'read write open close creat openat openat2 pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2',
  ),
  words(
    'lseek dup dup2 dup3 fcntl flock close_range ioctl pipe pipe2 sendfile splice tee vmsplice copy_file_range',
  ),
  words(
    'readahead fadvise64 fallocate truncate ftruncate sync syncfs fsync fdatasync sync_file_range sync_file_range2',
  ),
  words(
    'stat fstat lstat newfstatat statx access faccessat faccessat2 statfs fstatfs getcwd chdir fchdir chroot',
  ),
  words(
    'getdents getdents64 mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat symlink',
  ),
  words(
    'symlinkat readlink readlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat',
  ),
  words(
    'umask utime utimes futimesat utimensat name_to_handle_at inotify_init inotify_init1 inotify_add_watch',
  ),
  words('inotify_rm_watch setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr'),
  words('flistxattr removexattr lremovexattr fremovexattr setxattrat getxattrat listxattrat removexattrat'),

  words(
    'select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2',
  ),
  words('eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime'),
  words('io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents'),

  words(
    'brk mmap munmap mremap mprotect madvise mincore msync mlock mlock2 munlock mlockall munlockall mseal',
  ),
  words(
    'remap_file_pages memfd_create memfd_secret membarrier pkey_alloc pkey_free pkey_mprotect map_shadow_stack',
  ),
  words('process_madvise process_mrelease arch_prctl modify_ldt set_thread_area get_thread_area'),

  words(
    'fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid set_tid_address prctl',
  ),
  words(
    'set_robust_list get_robust_list rseq futex futex_waitv futex_wait futex_wake futex_requeue restart_syscall',
  ),
  words('pidfd_open pidfd_send_signal pidfd_getfd kcmp ptrace process_vm_readv process_vm_writev seccomp'),
  words('landlock_create_ruleset landlock_add_rule landlock_restrict_self capget capset'),
  words(
    'getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid setresuid',
  ),
  words('setresgid setgroups setfsuid setfsgid getpgid setpgid getpgrp getsid setsid'),
  words('getpriority setpriority ioprio_get ioprio_set sched_yield sched_getaffinity sched_setaffinity'),
  words('sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler sched_setscheduler'),
  words(
    'sched_get_priority_max sched_get_priority_min sched_rr_get_interval getcpu cachestat riscv_flush_icache',
  ),
  words('getrlimit setrlimit prlimit64 getrusage times sysinfo uname getrandom'),

  words(
    'kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait',
  ),
  words('rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack pause alarm getitimer setitimer'),
  words('time gettimeofday nanosleep clock_gettime clock_getres clock_nanosleep adjtimex clock_adjtime'),
  words('timer_create timer_settime timer_gettime timer_getoverrun timer_delete'),

  words(
    'socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt',
  ),
  words('sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg'),
  words('shmget shmat shmctl shmdt semget semop semtimedop semctl msgget msgsnd msgrcv msgctl'),
  words('mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr'),
].flat();

/**
 * System calls that are refused with EPERM, so that programs report a missing right: they change the host, see
 * other processes' data through the kernel, or have a record of kernel bugs that led out of containers. All
 * others, the unknown ones of newer kernels among them, get ENOSYS, so that the C library takes its older way.
 */
export const deniedSystemCalls: readonly string[] = [
  words(
    'mount umount2 pivot_root move_mount fsopen fsconfig fsmount fspick open_tree mount_setattr unshare setns',
  ),
  words(
    'open_by_handle_at fanotify_init fanotify_mark quotactl quotactl_fd swapon swapoff acct lookup_dcookie',
  ),
  words(
    'init_module finit_module delete_module kexec_load kexec_file_load reboot bpf perf_event_open userfaultfd',
  ),
  words(
    'io_uring_setup io_uring_enter io_uring_register add_key request_key keyctl syslog iopl ioperm vhangup',
  ),
  words('settimeofday clock_settime sethostname setdomainname'),
  words('mbind get_mempolicy set_mempolicy set_mempolicy_home_node migrate_pages move_pages'),
].flat();

/**
 * Of those that an app may make, the ones that `strict` denies: looking into other processes, even its own, another
 * root, the clock, segments of memory, and old ways with a record of kernel bugs.
 */
export const strictlyDeniedSystemCalls: readonly string[] = [
  words('ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp name_to_handle_at'),
  words('chroot adjtimex clock_adjtime modify_ldt remap_file_pages vmsplice'),
].flat();

function words(line: string): readonly string[] {
  return line.split(' ');
}
