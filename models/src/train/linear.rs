//! Training of linear models.

mod classes;
mod dual;
mod elastic_net;
mod estimators;
mod factor;
mod glm;
mod head;
mod least_squares;
mod logistic;
mod minimize;
mod params;
mod row_space;
mod sgd;
mod shuffle;
mod svm;
mod wolfe;

pub(super) use estimators::ESTIMATORS;
