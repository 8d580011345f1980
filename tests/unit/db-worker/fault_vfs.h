/*
 * A VFS in front of SQLite's own that makes the N-th call fail, once or from
 * then on.  Registered as the default, so that the driver under test uses it.
 * Header only, since each unit test is one program.
 */
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum fault_kind { FAULT_IO, FAULT_FULL, FAULT_TORN };

static struct {
	long calls;    /* so far */
	long fail_at;  /* 1: the first; 0: never */
	bool persistent;
	enum fault_kind kind;
	bool fired;
	sqlite3_vfs *real;
} fault;

struct fault_file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this structure */
};

static bool fault_hits(void)
{
	fault.calls++;
	if (fault.fail_at == 0 || fault.calls < fault.fail_at ||
	    (!fault.persistent && fault.calls > fault.fail_at))
		return false;
	fault.fired = true;
	return true;
}

#define REAL(f) (((struct fault_file *)(f))->real)

static int fault_close(sqlite3_file *f) { return REAL(f)->pMethods->xClose(REAL(f)); }
static int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return REAL(f)->pMethods->xRead(REAL(f), p, n, at); }
static int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (fault_hits()) {
		if (fault.kind == FAULT_TORN)
			REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
		return fault.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	}
	return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int fault_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return fault_hits() ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}
static int fault_sync(sqlite3_file *f, int flags)
{
	return fault_hits() ? SQLITE_IOERR_FSYNC : REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int fault_size(sqlite3_file *f, sqlite3_int64 *n) { return REAL(f)->pMethods->xFileSize(REAL(f), n); }
static int fault_lock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xLock(REAL(f), l); }
static int fault_unlock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xUnlock(REAL(f), l); }
static int fault_reserved(sqlite3_file *f, int *r) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), r); }
static int fault_control(sqlite3_file *f, int op, void *p) { return REAL(f)->pMethods->xFileControl(REAL(f), op, p); }
static int fault_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int fault_device(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)); }
static int fault_shm_map(sqlite3_file *f, int r, int n, int x, void volatile **p) { return REAL(f)->pMethods->xShmMap(REAL(f), r, n, x, p); }
static int fault_shm_lock(sqlite3_file *f, int o, int n, int flags) { return REAL(f)->pMethods->xShmLock(REAL(f), o, n, flags); }
static void fault_shm_barrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }
static int fault_shm_unmap(sqlite3_file *f, int d) { return REAL(f)->pMethods->xShmUnmap(REAL(f), d); }

static const sqlite3_io_methods fault_methods = {
	2, fault_close, fault_read, fault_write, fault_truncate, fault_sync, fault_size, fault_lock,
	fault_unlock, fault_reserved, fault_control, fault_sector, fault_device, fault_shm_map,
	fault_shm_lock, fault_shm_barrier, fault_shm_unmap, NULL, NULL
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct fault_file *f = (struct fault_file *)file;
	int rc;

	f->base.pMethods = NULL;
	if (fault_hits())
		return SQLITE_CANTOPEN;
	f->real = (sqlite3_file *)(f + 1);
	rc = fault.real->xOpen(fault.real, name, f->real, flags, out);
	if (f->real->pMethods != NULL)
		f->base.pMethods = &fault_methods;
	return rc;
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int dir)
{
	return fault_hits() ? SQLITE_IOERR_DELETE : fault.real->xDelete(fault.real, name, dir);
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
