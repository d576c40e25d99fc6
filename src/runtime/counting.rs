//! Counting references, from compiled code: the most frequent calls of all.
//!
//! The two functions keep every register, so that a caller can hold its values in any of them, and they count without atomic instructions
//! as long as the program has one thread, which the C library knows. What they do is otherwise what `codira_retain` and
//! `codira_release` do; see `object.rs` for the counts.

// Before the only call, the registers that a C function may change are saved; what is pushed also aligns the stack.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    r#"
    .text
    .globl codira_count_up
    .type codira_count_up, @function
    .p2align 4
codira_count_up:
    cmp rdi, 4096
    jb 2f
    // Bit 31 of the counts marks objects that are never counted.
    test byte ptr [rdi + 11], 0x80
    jnz 2f
    push rax
    mov rax, qword ptr [rip + {single}@GOTPCREL]
    cmp byte ptr [rax], 0
    pop rax
    je 1f
    inc qword ptr [rdi + 8]
    ret
1:  lock inc qword ptr [rdi + 8]
2:  ret
    .size codira_count_up, . - codira_count_up

    .globl codira_count_down
    .type codira_count_down, @function
    .p2align 4
codira_count_down:
    cmp rdi, 4096
    jb 3f
    test byte ptr [rdi + 11], 0x80
    jnz 3f
    push rax
    mov rax, qword ptr [rip + {single}@GOTPCREL]
    cmp byte ptr [rax], 0
    je 1f
    mov rax, qword ptr [rdi + 8]
    dec rax
    mov qword ptr [rdi + 8], rax
    test eax, eax
    jz 2f
    pop rax
    ret
1:  or rax, -1
    lock xadd qword ptr [rdi + 8], rax
    cmp eax, 1
    je 2f
    pop rax
    ret
2:  // The last strong reference is gone.
    push rbp
    mov rbp, rsp
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    sub rsp, 264
    movups xmmword ptr [rsp], xmm0
    movups xmmword ptr [rsp + 16], xmm1
    movups xmmword ptr [rsp + 32], xmm2
    movups xmmword ptr [rsp + 48], xmm3
    movups xmmword ptr [rsp + 64], xmm4
    movups xmmword ptr [rsp + 80], xmm5
    movups xmmword ptr [rsp + 96], xmm6
    movups xmmword ptr [rsp + 112], xmm7
    movups xmmword ptr [rsp + 128], xmm8
    movups xmmword ptr [rsp + 144], xmm9
    movups xmmword ptr [rsp + 160], xmm10
    movups xmmword ptr [rsp + 176], xmm11
    movups xmmword ptr [rsp + 192], xmm12
    movups xmmword ptr [rsp + 208], xmm13
    movups xmmword ptr [rsp + 224], xmm14
    movups xmmword ptr [rsp + 240], xmm15
    call {last}
    movups xmm0, xmmword ptr [rsp]
    movups xmm1, xmmword ptr [rsp + 16]
    movups xmm2, xmmword ptr [rsp + 32]
    movups xmm3, xmmword ptr [rsp + 48]
    movups xmm4, xmmword ptr [rsp + 64]
    movups xmm5, xmmword ptr [rsp + 80]
    movups xmm6, xmmword ptr [rsp + 96]
    movups xmm7, xmmword ptr [rsp + 112]
    movups xmm8, xmmword ptr [rsp + 128]
    movups xmm9, xmmword ptr [rsp + 144]
    movups xmm10, xmmword ptr [rsp + 160]
    movups xmm11, xmmword ptr [rsp + 176]
    movups xmm12, xmmword ptr [rsp + 192]
    movups xmm13, xmmword ptr [rsp + 208]
    movups xmm14, xmmword ptr [rsp + 224]
    movups xmm15, xmmword ptr [rsp + 240]
    add rsp, 264
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbp
    pop rax
3:  ret
    .size codira_count_down, . - codira_count_down
"#,
    single = sym super::libc::__libc_single_threaded,
    last = sym super::object::last_reference_gone,
);

/// On other machines, callers save what they need.
#[cfg(not(target_arch = "x86_64"))]
mod portable {
    use super::super::object::{Object, codira_release, codira_retain};

    #[unsafe(no_mangle)]
    unsafe extern "C" fn codira_count_up(object: *mut Object) {
        codira_retain(object);
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn codira_count_down(object: *mut Object) {
        codira_release(object);
    }
}
