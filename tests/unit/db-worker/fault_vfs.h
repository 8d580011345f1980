/*
 * A VFS in front of SQLite's own that makes the N-th call fail, once or from
 * then on, and that knows what a power cut would leave.  Registered as the
 * default, so that the driver under test uses it.  Header only, since each unit
 * test is one program.  For one thread.
 *
 * Counted are open, write, truncate, sync, delete and the growth of the log's
 * index.
 */
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault_kind { FAULT_IO, FAULT_FULL, FAULT_TORN };

static struct {
	long calls;    /* so far */
	long fail_at;  /* 1: the first; 0: never */
	bool persistent;
	enum fault_kind kind;
	bool fired;
	/* When set, only syncs of files whose name ends so are counted. */
	const char *only_sync_of;
	/* When set, what was synced is kept as NAME.durable. */
	bool keep_durable;
	sqlite3_vfs *real;
} fault;

struct fault_file {
	sqlite3_file base;
	const char *name;   /* lives as long as the file is open; NULL: temporary */
	sqlite3_file *real; /* behind this structure */
};

static inline bool fault_ends_with(const char *name, const char *end)
{
	size_t n = name != NULL ? strlen(name) : 0, m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static inline bool fault_hits(bool sync, const char *name)
{
	if (fault.only_sync_of != NULL && !(sync && fault_ends_with(name, fault.only_sync_of)))
		return false;
	fault.calls++;
	if (fault.fail_at == 0 || fault.calls < fault.fail_at ||
	    (!fault.persistent && fault.calls > fault.fail_at))
		return false;
	fault.fired = true;
	errno = fault.kind == FAULT_FULL ? ENOSPC : EIO;
	return true;
}

#define REAL(f) (((struct fault_file *)(f))->real)
#define NAME(f) (((struct fault_file *)(f))->name)

/* ---- what a power cut leaves: the content at the last sync, or no file ---- */

static inline bool fault_copy(const char *from, const char *to)
{
	char block[65536];
	ssize_t n = 0;
	int in = open(from, O_RDONLY | O_CLOEXEC), out;

	if (in < 0)
		return false;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (out >= 0 && (n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)n) != n)
			abort();
	if (out < 0 || n < 0)
		abort();
	close(in);
	close(out);
	return true;
}

static inline void fault_keep(const char *name)
{
	char kept[512];

	if (!fault.keep_durable || name == NULL)
		return;
	snprintf(kept, sizeof(kept), "%s.durable", name);
	fault_copy(name, kept);
}

/* ---- files ---- */

static inline int fault_close(sqlite3_file *f) { return REAL(f)->pMethods->xClose(REAL(f)); }
static inline int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return REAL(f)->pMethods->xRead(REAL(f), p, n, at); }
static inline int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (fault_hits(false, NAME(f))) {
		if (fault.kind == FAULT_TORN)
			REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
		return fault.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	}
	return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static inline int fault_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return fault_hits(false, NAME(f)) ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}
static inline int fault_sync(sqlite3_file *f, int flags)
{
	int rc;

	if (fault_hits(true, NAME(f)))
		return SQLITE_IOERR_FSYNC;
	rc = REAL(f)->pMethods->xSync(REAL(f), flags);
	if (rc == SQLITE_OK)
		fault_keep(NAME(f));
	return rc;
}
static inline int fault_size(sqlite3_file *f, sqlite3_int64 *n) { return REAL(f)->pMethods->xFileSize(REAL(f), n); }
static inline int fault_lock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xLock(REAL(f), l); }
static inline int fault_unlock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xUnlock(REAL(f), l); }
static inline int fault_reserved(sqlite3_file *f, int *r) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), r); }
static inline int fault_control(sqlite3_file *f, int op, void *p) { return REAL(f)->pMethods->xFileControl(REAL(f), op, p); }
static inline int fault_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static inline int fault_device(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)); }
static inline int fault_shm_map(sqlite3_file *f, int r, int n, int x, void volatile **p)
{
	if (x && fault_hits(false, NAME(f))) {
		*p = NULL;
		return SQLITE_IOERR_SHMSIZE;
	}
	return REAL(f)->pMethods->xShmMap(REAL(f), r, n, x, p);
}
static inline int fault_shm_lock(sqlite3_file *f, int o, int n, int flags) { return REAL(f)->pMethods->xShmLock(REAL(f), o, n, flags); }
static inline void fault_shm_barrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }
static inline int fault_shm_unmap(sqlite3_file *f, int del) { return REAL(f)->pMethods->xShmUnmap(REAL(f), del); }

static const sqlite3_io_methods fault_methods = {
	2, fault_close, fault_read, fault_write, fault_truncate, fault_sync, fault_size, fault_lock,
	fault_unlock, fault_reserved, fault_control, fault_sector, fault_device, fault_shm_map,
	fault_shm_lock, fault_shm_barrier, fault_shm_unmap, NULL, NULL
};

static inline int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct fault_file *f = (struct fault_file *)file;
	int rc;

	f->base.pMethods = NULL;
	if (fault_hits(false, name))
		return SQLITE_CANTOPEN;
	f->name = name;
	f->real = (sqlite3_file *)(f + 1);
	rc = fault.real->xOpen(fault.real, name, f->real, flags, out);
	if (f->real->pMethods != NULL)
		f->base.pMethods = &fault_methods;
	return rc;
}

static inline int fault_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	char kept[512];
	int rc;

	if (fault_hits(false, name))
		return SQLITE_IOERR_DELETE;
	rc = fault.real->xDelete(fault.real, name, sync_dir);
	if (rc == SQLITE_OK && fault.keep_durable) {
		snprintf(kept, sizeof(kept), "%s.durable", name);
		unlink(kept);
	}
	return rc;
}

/* Registers it as the default. */
static inline void fault_vfs_install(void)
{
	static sqlite3_vfs vfs;

	fault.real = sqlite3_vfs_find(NULL);
	vfs = *fault.real;
	vfs.zName = "fault";
	vfs.szOsFile = fault.real->szOsFile + (int)sizeof(struct fault_file);
	vfs.xOpen = fault_open;
	vfs.xDelete = fault_delete;
	sqlite3_vfs_register(&vfs, 1);
}

static inline void fault_arm(long at, bool persistent, enum fault_kind kind)
{
	fault.calls = 0;
	fault.fail_at = at;
	fault.persistent = persistent;
	fault.kind = kind;
	fault.fired = false;
}

#endif
