//! Training of linear models.

mod classes;
mod describe;
mod dual;
mod elastic_net;
mod estimators;
mod factor;
mod glm;
mod least_squares;
mod logistic;
mod minimize;
mod row_space;
mod sgd;
mod shuffle;
mod svm;
mod wolfe;

pub(super) use estimators::ESTIMATORS;
