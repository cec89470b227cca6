//! The end of residual blocks against Burn's own operations.

mod generator;

use burn::tensor::{Device, Distribution, Tensor, activation};
use generator::seeded;
use reliad_kernels::residual::add_relu;

#[test]
fn value_and_gradients_equal_burns_own_operations() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    let random = || Tensor::<4>::random([2, 5, 70, 60], Distribution::Normal(0.0, 1.0), &device);
    // A view on one side, so that strides count.
    let (x, identity, upstream) = (
        random(),
        random().swap_dims(2, 3).reshape([2, 5, 70, 60]),
        random(),
    );
    let run = |fused: bool| {
        let (x, identity) = (
            x.clone().detach().require_grad(),
            identity.clone().detach().require_grad(),
        );
        let y = if fused {
            add_relu(x.clone(), identity.clone())
        } else {
            activation::relu(x.clone() + identity.clone())
        };
        let gradients = (y.clone() * upstream.clone()).sum().backward();
        [
            Some(y.inner()),
            x.grad(&gradients),
            identity.grad(&gradients),
        ]
        .map(|tensor| tensor.map(Tensor::into_data))
    };
    // The same sums, so the same bits.
    assert!(run(true) == run(false));
    let plain = |t: &Tensor<4>| t.clone().inner();
    assert_eq!(
        add_relu(plain(&x), plain(&identity)).into_data(),
        activation::relu(plain(&x) + plain(&identity)).into_data()
    );
}
