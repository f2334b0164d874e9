//! SIGTERM and SIGINT, waited for instead of handled, so that `main` returns and whatever looks at the process can
//! write what it saw. The standard library has no signals: these are functions of the C library it is linked with.

use std::ffi::c_int;
use std::ptr;

const SIGINT: c_int = 2;
const SIGTERM: c_int = 15;
const SIG_BLOCK: c_int = 0;

/// `sigset_t` of Linux: 1024 bits.
#[repr(C)]
struct SignalSet([u64; 16]);

extern "C" {
    fn sigaddset(set: *mut SignalSet, signal: c_int) -> c_int;
    fn sigwait(set: *const SignalSet, signal: *mut c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
}

/// The wish of somebody outside that the process ends.
pub struct Termination(SignalSet);

impl Termination {
    /// From now on the signals wait for `wait`; threads that are started later inherit that.
    pub fn block() -> Termination {
        let mut set = SignalSet([0; 16]);
        // SAFETY: `set` is as large as a sigset_t, zeros are the empty set, and null asks for no old mask.
        unsafe {
            sigaddset(&mut set, SIGINT);
            sigaddset(&mut set, SIGTERM);
            pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut());
        }
        Termination(set)
    }

    /// Returns when one of the signals has come.
    pub fn wait(&self) {
        let mut signal = 0;
        // SAFETY: both pointers are to live values of the right types.
        while unsafe { sigwait(&self.0, &mut signal) } != 0 {}
    }
}
