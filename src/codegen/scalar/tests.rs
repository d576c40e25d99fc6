//! Functions in Cranelift's representation, before and after.

use cranelift_codegen::Context;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, BlockArg, Function, InstBuilder, MemFlagsData, Opcode, Signature, UserFuncName,
    Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// Builds a function of words, with a word as its result, and optimises it.
fn optimised(
    params: usize,
    build: impl FnOnce(&mut FunctionBuilder<'_>, &[Value]) -> Value,
) -> Function {
    let mut signature = Signature::new(CallConv::Tail);
    signature
        .params
        .extend(vec![AbiParam::new(types::I64); params]);
    signature.returns.push(AbiParam::new(types::I64));
    let mut context = Context::for_function(Function::with_name_signature(
        UserFuncName::default(),
        signature,
    ));
    let mut scratch = FunctionBuilderContext::new();
    let mut b = FunctionBuilder::new(&mut context.func, &mut scratch);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let values = b.block_params(entry).to_vec();
    let result = build(&mut b, &values);
    b.ins().return_(&[result]);
    b.seal_all_blocks();
    let isa = super::super::isa::isa(crate::session::OptLevel::Speed).expect("a machine");
    b.finalize(isa.frontend_config());
    context
        .optimize(isa, &mut Default::default())
        .expect("a function that can be optimised");
    super::run(&mut context, &|_, _| false);
    let flags = cranelift_codegen::settings::Flags::new(cranelift_codegen::settings::builder());
    context
        .verify(&flags)
        .unwrap_or_else(|errors| panic!("{errors}\n{}", context.func.display()));
    context
        .optimize(isa, &mut Default::default())
        .expect("a function that can be optimised");
    context.func
}

fn count(func: &Function, opcode: Opcode) -> usize {
    func.layout
        .blocks()
        .flat_map(|block| func.layout.block_insts(block))
        .filter(|&inst| func.dfg.insts[inst].opcode() == opcode)
        .count()
}

/// How many checks a function has: each is one more way out.
fn checks(func: &Function) -> usize {
    count(func, Opcode::Return) - 1
}

/// Leaves the function when a condition holds.
fn check(b: &mut FunctionBuilder<'_>, fails: Value) {
    let (failed, next) = (b.create_block(), b.create_block());
    b.ins().brif(fails, failed, &[], next, &[]);
    b.switch_to_block(failed);
    let failure = b.ins().iconst(types::I64, -1);
    b.ins().return_(&[failure]);
    b.switch_to_block(next);
}

/// `for i in start..<end { body }`, with the check of the range.
fn count_up(
    b: &mut FunctionBuilder<'_>,
    start: Value,
    end: Value,
    body: impl FnOnce(&mut FunctionBuilder<'_>, Value),
) {
    let reversed = b.ins().icmp(IntCC::SignedGreaterThan, start, end);
    check(b, reversed);
    let (head, inside, done) = (b.create_block(), b.create_block(), b.create_block());
    let i = b.append_block_param(head, types::I64);
    b.ins().jump(head, &[BlockArg::Value(start)]);
    b.switch_to_block(head);
    let at_end = b.ins().icmp(IntCC::Equal, i, end);
    b.ins().brif(at_end, done, &[], inside, &[]);
    b.switch_to_block(inside);
    body(b, i);
    let one = b.ins().iconst(types::I64, 1);
    let next = b.ins().iadd(i, one);
    b.ins().jump(head, &[BlockArg::Value(next)]);
    b.switch_to_block(done);
}

#[test]
fn a_sum_is_checked_once() {
    let func = optimised(2, |b, v| {
        let (sum, overflow) = b.ins().sadd_overflow(v[0], v[1]);
        check(b, overflow);
        let (again, overflow) = b.ins().sadd_overflow(v[0], v[1]);
        check(b, overflow);
        b.ins().bxor(sum, again)
    });
    assert_eq!(count(&func, Opcode::SaddOverflow), 1);
    assert_eq!(checks(&func), 1);
}

#[test]
fn a_different_sum_is_checked_too() {
    let func = optimised(2, |b, v| {
        let (sum, overflow) = b.ins().sadd_overflow(v[0], v[1]);
        check(b, overflow);
        let (other, overflow) = b.ins().ssub_overflow(v[0], v[1]);
        check(b, overflow);
        b.ins().bxor(sum, other)
    });
    assert_eq!(checks(&func), 2);
}

#[test]
fn products_of_unchanging_factors_leave_the_loop() {
    let func = optimised(3, |b, v| {
        let zero = b.ins().iconst(types::I64, 0);
        count_up(b, zero, v[0], |b, i| {
            let (product, overflow) = b.ins().smul_overflow(v[1], v[2]);
            check(b, overflow);
            b.ins().store(MemFlagsData::new(), product, i, 0);
        });
        zero
    });
    let product = func
        .layout
        .blocks()
        .flat_map(|block| func.layout.block_insts(block))
        .find(|&inst| func.dfg.insts[inst].opcode() == Opcode::SmulOverflow)
        .expect("a product");
    let block = func.layout.inst_block(product).expect("a block");
    assert!(func.dfg.block_params(block).is_empty() || Some(block) == func.layout.entry_block());
    // The check stays behind: without a round there is no trap. The other trap is the range's.
    assert_eq!(checks(&func), 2);
}

#[test]
fn a_counter_within_bounds_is_not_checked() {
    let func = optimised(2, |b, v| {
        let zero = b.ins().iconst(types::I64, 0);
        let length = b
            .ins()
            .load(types::I64, MemFlagsData::new().with_notrap(), v[0], 16);
        count_up(b, zero, length, |b, i| {
            let length = b
                .ins()
                .load(types::I64, MemFlagsData::new().with_notrap(), v[0], 16);
            let outside = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, i, length);
            check(b, outside);
            let next = b.ins().iadd_imm_s(i, 1);
            let overflow = b.ins().icmp(IntCC::SignedLessThan, next, i);
            check(b, overflow);
        });
        length
    });
    // Only the range's own check is left.
    assert_eq!(checks(&func), 1, "{}", func.display());
    assert_eq!(count(&func, Opcode::Load), 1);
}

#[test]
fn a_counter_is_checked_against_what_the_loop_may_change() {
    let func = optimised(2, |b, v| {
        let zero = b.ins().iconst(types::I64, 0);
        let length = b
            .ins()
            .load(types::I64, MemFlagsData::new().with_notrap(), v[0], 16);
        count_up(b, zero, length, |b, i| {
            let length = b
                .ins()
                .load(types::I64, MemFlagsData::new().with_notrap(), v[0], 16);
            let outside = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, i, length);
            check(b, outside);
            b.ins().store(MemFlagsData::new(), i, v[1], 0);
        });
        length
    });
    assert_eq!(checks(&func), 2, "{}", func.display());
}

#[test]
fn a_counter_from_below_zero_is_checked() {
    let func = optimised(2, |b, v| {
        let start = b.ins().iconst(types::I64, -3);
        count_up(b, start, v[0], |b, i| {
            let outside = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, i, v[0]);
            check(b, outside);
        });
        start
    });
    assert_eq!(checks(&func), 2, "{}", func.display());
}

#[test]
fn a_counter_that_may_have_passed_its_end_is_checked() {
    let func = optimised(2, |b, v| {
        // Without the range's check nothing says that the start is below the end.
        let (head, inside, done) = (b.create_block(), b.create_block(), b.create_block());
        let i = b.append_block_param(head, types::I64);
        b.ins().jump(head, &[BlockArg::Value(v[0])]);
        b.switch_to_block(head);
        let at_end = b.ins().icmp(IntCC::Equal, i, v[1]);
        b.ins().brif(at_end, done, &[], inside, &[]);
        b.switch_to_block(inside);
        let next = b.ins().iadd_imm_s(i, 1);
        let overflow = b.ins().icmp(IntCC::SignedLessThan, next, i);
        check(b, overflow);
        b.ins().jump(head, &[BlockArg::Value(next)]);
        b.switch_to_block(done);
        v[0]
    });
    assert_eq!(checks(&func), 1, "{}", func.display());
}

#[test]
fn a_constant_goes_past_the_test_of_it() {
    let func = optimised(2, |b, v| {
        // `a < b || b < 5`, then a check of that.
        let (other, test) = (b.create_block(), b.create_block());
        let either = b.append_block_param(test, types::I8);
        let yes = b.ins().iconst(types::I8, 1);
        let first = b.ins().icmp(IntCC::SignedLessThan, v[0], v[1]);
        b.ins()
            .brif(first, test, &[BlockArg::Value(yes)], other, &[]);
        b.switch_to_block(other);
        let five = b.ins().iconst(types::I64, 5);
        let second = b.ins().icmp(IntCC::SignedLessThan, v[1], five);
        b.ins().jump(test, &[BlockArg::Value(second)]);
        b.switch_to_block(test);
        check(b, either);
        v[0]
    });
    let tests = func
        .layout
        .blocks()
        .flat_map(|block| func.layout.block_insts(block))
        .filter(|&inst| func.dfg.insts[inst].opcode() == Opcode::Brif);
    for inst in tests {
        let condition = func.dfg.inst_args(inst)[0];
        let made = func.dfg.value_def(condition).inst().expect("a comparison");
        assert_eq!(func.dfg.insts[made].opcode(), Opcode::Icmp);
    }
}

#[test]
fn what_a_mask_leaves_is_small() {
    let func = optimised(1, |b, v| {
        let ten = b.ins().iconst(types::I64, 10);
        let rest = b.ins().band_imm_s(v[0], 7);
        let outside = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, rest, ten);
        check(b, outside);
        let (sum, overflow) = b.ins().sadd_overflow(rest, ten);
        check(b, overflow);
        sum
    });
    assert_eq!(checks(&func), 0, "{}", func.display());
}
