// The shared-object interface of packetdrill (x86-64, LP64): what the host hands in to be filled,
// declared from its documented layout. Every hook gets `userdata` first, answers like the system
// call of its name, and sets errno. A hook that is not set makes the host jump to address 0.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>

extern "C" {

struct packetdrill_interface {
  void* userdata;
  void (*free)(void*);
  int (*socket)(void*, int domain, int type, int protocol);
  int (*bind)(void*, int fd, const sockaddr*, socklen_t);
  int (*listen)(void*, int fd, int backlog);
  int (*accept)(void*, int fd, sockaddr*, socklen_t*);
  int (*connect)(void*, int fd, const sockaddr*, socklen_t);
  ssize_t (*read)(void*, int fd, void*, size_t);
  ssize_t (*readv)(void*, int fd, const iovec*, int);
  ssize_t (*recv)(void*, int fd, void*, size_t, int flags);
  ssize_t (*recvfrom)(void*, int fd, void*, size_t, int flags, sockaddr*, socklen_t*);
  ssize_t (*recvmsg)(void*, int fd, msghdr*, int flags);
  ssize_t (*write)(void*, int fd, const void*, size_t);
  ssize_t (*writev)(void*, int fd, const iovec*, int);
  ssize_t (*send)(void*, int fd, const void*, size_t, int flags);
  ssize_t (*sendto)(void*, int fd, const void*, size_t, int flags, const sockaddr*, socklen_t);
  ssize_t (*sendmsg)(void*, int fd, const msghdr*, int flags);
  int (*fcntl)(void*, int fd, int cmd, ...);
  int (*ioctl)(void*, int fd, unsigned long request, ...);
  int (*close)(void*, int fd);
  int (*shutdown)(void*, int fd, int how);
  int (*getsockopt)(void*, int fd, int level, int name, void*, socklen_t*);
  int (*setsockopt)(void*, int fd, int level, int name, const void*, socklen_t);
  int (*poll)(void*, pollfd*, nfds_t, int timeout_ms);
  int (*netdev_send)(void*, const void* packet, size_t size);                    // host -> stack
  int (*netdev_receive)(void*, void* buffer, size_t* size, long long* time_us);  // stack -> host
  int (*usleep)(void*, useconds_t);
  int (*gettimeofday)(void*, timeval*, struct timezone*);
  int (*epoll_create)(void*, int size);
  int (*epoll_ctl)(void*, int epfd, int op, int fd, epoll_event*);
  int (*epoll_wait)(void*, int epfd, epoll_event*, int max, int timeout_ms);
  int (*pipe)(void*, int fds[2]);
  int (*splice)(void*, int in, loff_t*, int out, loff_t*, size_t, unsigned flags);
};

// The only symbol that is exported. `flags`: the text of --so_flags, or null.
__attribute__((visibility("default"))) void packetdrill_interface_init(
    const char* flags, struct packetdrill_interface* interface);

}  // extern "C"

static_assert(sizeof(void*) == 8 && sizeof(packetdrill_interface) == 264);
static_assert(offsetof(packetdrill_interface, userdata) == 0);
static_assert(offsetof(packetdrill_interface, free) == 8);
static_assert(offsetof(packetdrill_interface, socket) == 16);
static_assert(offsetof(packetdrill_interface, bind) == 24);
static_assert(offsetof(packetdrill_interface, listen) == 32);
static_assert(offsetof(packetdrill_interface, accept) == 40);
static_assert(offsetof(packetdrill_interface, connect) == 48);
static_assert(offsetof(packetdrill_interface, read) == 56);
static_assert(offsetof(packetdrill_interface, readv) == 64);
static_assert(offsetof(packetdrill_interface, recv) == 72);
static_assert(offsetof(packetdrill_interface, recvfrom) == 80);
static_assert(offsetof(packetdrill_interface, recvmsg) == 88);
static_assert(offsetof(packetdrill_interface, write) == 96);
static_assert(offsetof(packetdrill_interface, writev) == 104);
static_assert(offsetof(packetdrill_interface, send) == 112);
static_assert(offsetof(packetdrill_interface, sendto) == 120);
static_assert(offsetof(packetdrill_interface, sendmsg) == 128);
static_assert(offsetof(packetdrill_interface, fcntl) == 136);
static_assert(offsetof(packetdrill_interface, ioctl) == 144);
static_assert(offsetof(packetdrill_interface, close) == 152);
static_assert(offsetof(packetdrill_interface, shutdown) == 160);
static_assert(offsetof(packetdrill_interface, getsockopt) == 168);
static_assert(offsetof(packetdrill_interface, setsockopt) == 176);
static_assert(offsetof(packetdrill_interface, poll) == 184);
static_assert(offsetof(packetdrill_interface, netdev_send) == 192);
static_assert(offsetof(packetdrill_interface, netdev_receive) == 200);
static_assert(offsetof(packetdrill_interface, usleep) == 208);
static_assert(offsetof(packetdrill_interface, gettimeofday) == 216);
static_assert(offsetof(packetdrill_interface, epoll_create) == 224);
static_assert(offsetof(packetdrill_interface, epoll_ctl) == 232);
static_assert(offsetof(packetdrill_interface, epoll_wait) == 240);
static_assert(offsetof(packetdrill_interface, pipe) == 248);
static_assert(offsetof(packetdrill_interface, splice) == 256);
