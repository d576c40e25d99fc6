//! The C library's mathematical and memory functions under names of our own.
//!
//! Several of them are resolved at start-up to the fastest version for the processor, so that in a static image their symbols are
//! not the functions' addresses. Calls from here go where they should. The image's symbol table lists each `codira_c_NAME` as `NAME` too.

macro_rules! forward {
    ($($forwarder:ident => $name:ident($($argument:ident: $ty:ty),*) -> $result:ty;)*) => {
        unsafe extern "C" {
            $(fn $name($($argument: $ty),*) -> $result;)*
        }
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $forwarder($($argument: $ty),*) -> $result {
                $name($($argument),*)
            }
        )*
    };
}

macro_rules! forward_unary {
    ($($double_forwarder:ident => $double:ident, $float_forwarder:ident => $float:ident;)*) => {
        forward! { $(
            $double_forwarder => $double(x: f64) -> f64;
            $float_forwarder => $float(x: f32) -> f32;
        )* }
    };
}

macro_rules! forward_binary {
    ($($double_forwarder:ident => $double:ident, $float_forwarder:ident => $float:ident;)*) => {
        forward! { $(
            $double_forwarder => $double(x: f64, y: f64) -> f64;
            $float_forwarder => $float(x: f32, y: f32) -> f32;
        )* }
    };
}

forward_unary! {
    codira_c_exp => exp, codira_c_expf => expf;
    codira_c_exp2 => exp2, codira_c_exp2f => exp2f;
    codira_c_exp10 => exp10, codira_c_exp10f => exp10f;
    codira_c_expm1 => expm1, codira_c_expm1f => expm1f;
    codira_c_log => log, codira_c_logf => logf;
    codira_c_log2 => log2, codira_c_log2f => log2f;
    codira_c_log10 => log10, codira_c_log10f => log10f;
    codira_c_log1p => log1p, codira_c_log1pf => log1pf;
    codira_c_sin => sin, codira_c_sinf => sinf;
    codira_c_cos => cos, codira_c_cosf => cosf;
    codira_c_tan => tan, codira_c_tanf => tanf;
    codira_c_asin => asin, codira_c_asinf => asinf;
    codira_c_acos => acos, codira_c_acosf => acosf;
    codira_c_atan => atan, codira_c_atanf => atanf;
    codira_c_sinh => sinh, codira_c_sinhf => sinhf;
    codira_c_cosh => cosh, codira_c_coshf => coshf;
    codira_c_tanh => tanh, codira_c_tanhf => tanhf;
    codira_c_asinh => asinh, codira_c_asinhf => asinhf;
    codira_c_acosh => acosh, codira_c_acoshf => acoshf;
    codira_c_atanh => atanh, codira_c_atanhf => atanhf;
    codira_c_cbrt => cbrt, codira_c_cbrtf => cbrtf;
    codira_c_rint => rint, codira_c_rintf => rintf;
    codira_c_nearbyint => nearbyint, codira_c_nearbyintf => nearbyintf;
    codira_c_round => round, codira_c_roundf => roundf;
    codira_c_floor => floor, codira_c_floorf => floorf;
    codira_c_ceil => ceil, codira_c_ceilf => ceilf;
    codira_c_trunc => trunc, codira_c_truncf => truncf;
    codira_c_erf => erf, codira_c_erff => erff;
    codira_c_erfc => erfc, codira_c_erfcf => erfcf;
    codira_c_tgamma => tgamma, codira_c_tgammaf => tgammaf;
    codira_c_lgamma => lgamma, codira_c_lgammaf => lgammaf;
}

forward_binary! {
    codira_c_fmod => fmod, codira_c_fmodf => fmodf;
    codira_c_pow => pow, codira_c_powf => powf;
    codira_c_atan2 => atan2, codira_c_atan2f => atan2f;
    codira_c_hypot => hypot, codira_c_hypotf => hypotf;
    codira_c_remainder => remainder, codira_c_remainderf => remainderf;
}

forward! {
    codira_c_fma => fma(x: f64, y: f64, z: f64) -> f64;
    codira_c_fmaf => fmaf(x: f32, y: f32, z: f32) -> f32;
    codira_c_ldexp => ldexp(x: f64, exponent: i32) -> f64;
    codira_c_ldexpf => ldexpf(x: f32, exponent: i32) -> f32;
    codira_c_memcpy => memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8;
    codira_c_memmove => memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8;
    codira_c_memset => memset(to: *mut u8, byte: i32, count: usize) -> *mut u8;
    codira_c_memcmp => memcmp(a: *const u8, b: *const u8, count: usize) -> i32;
    codira_c_strlen => strlen(text: *const u8) -> usize;
}
