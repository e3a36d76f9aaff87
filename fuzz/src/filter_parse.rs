//! The filter language: text to an expression and everything made of one.

use std::net::IpAddr;

use sockstate::testing::bytecode::audit;
use sockstate::testing::filter::{
    Bytecode, Filter, FilteredBy, PlanTarget, Resolver, TableReading, compile, explain, parse,
};
use sockstate::testing::model::proto::TableId;

/// Knows every name.
struct Anything;

impl Resolver for Anything {
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        let len = name.len() as u8;
        Ok(vec![IpAddr::from([10, 0, 0, len]), IpAddr::from([len; 16])])
    }

    fn service(&mut self, name: &str) -> Result<Vec<u16>, String> {
        Ok(vec![name.len() as u16, 80])
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        Ok(name.len() as u32)
    }

    fn device(&mut self, name: &str) -> Result<u32, String> {
        Ok(name.len() as u32)
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        Ok(path.len() as u64)
    }
}

/// What must hold of any input.
pub fn run(text: &str) {
    let filter = match Filter::parse(&[text]) {
        Ok(Some(filter)) => filter,
        Ok(None) => return,
        Err(error) => {
            assert!(text.get(error.span.start..error.span.end).is_some(), "{error:?}");
            assert!(error.to_string().lines().count() == 3, "{error}");
            return;
        }
    };
    let printed = filter.expr.to_string();
    assert_eq!(parse(&printed).as_ref(), Ok(&Some(filter.expr.clone())), "{printed}");
    let Ok(resolved) = filter.resolve(&mut Anything) else { return };
    for bytecode in [Bytecode::None, Bytecode::Full] {
        let plans: Vec<_> = TableId::ALL
            .into_iter()
            .map(|table| {
                let target = PlanTarget {
                    table,
                    bytecode,
                    net_admin: true,
                    ephemeral: Some((32768, 60999)),
                };
                let plan = compile(&resolved.expr, &target);
                if let Some(program) = &plan.program {
                    assert_eq!(audit(program, true), Ok(()), "{printed}");
                }
                (table, plan)
            })
            .collect();
        let tables: Vec<_> = plans.iter().map(TableReading::of).collect();
        assert!(!explain(Some(&resolved.expr), &tables, FilteredBy::Kernel).is_empty());
    }
}
