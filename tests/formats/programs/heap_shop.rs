// A shop in Rust: generic functions, traits, closures, constants as parameters, a thread, and what is never freed.
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

trait Price {
    fn price(&self) -> Vec<u64>;
}

struct Apple;
struct Pear<T>(T);

impl Price for Apple {
    fn price(&self) -> Vec<u64> {
        (0..100).collect()
    }
}

impl<T: Debug> Price for Pear<T> {
    fn price(&self) -> Vec<u64> {
        format!("{:?}", self.0).bytes().map(u64::from).collect()
    }
}

#[inline(never)]
fn keep(orders: &mut Vec<Vec<u8>>, n: usize) {
    for i in 0..n {
        orders.push(vec![1u8; 1000 + i]);
    }
}

#[inline(never)]
fn temporary(n: usize) -> usize {
    (0..n).map(|i| format!("order {}", i).len()).sum()
}

#[inline(never)]
fn boxed<const N: usize>(bytes: [u8; N]) -> Box<[u8]> {
    bytes.to_vec().into_boxed_slice()
}

fn main() {
    let mut orders = Vec::new();
    keep(&mut orders, 50);
    let fruit: Vec<Box<dyn Price>> = vec![Box::new(Apple), Box::new(Pear("x")), Box::new(Pear(vec![Some(3.5f64)]))];
    let total: usize = fruit.iter().map(|f| f.price().len()).sum();
    let mut shelves: HashMap<String, BTreeMap<u32, &str>> = HashMap::new();
    for i in 0..100 {
        shelves.entry(format!("k{}", i % 7)).or_default().insert(i, "z");
    }
    let thread = std::thread::spawn(move || {
        std::mem::forget(boxed([1u8; 300]));
        boxed([3u8; 17]).len()
    });
    println!("{} {} {} {}", temporary(1000), total, shelves.len(), thread.join().unwrap());
    std::mem::forget(orders);
}
