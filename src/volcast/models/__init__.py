"""The models: a blend of trees and a gamma regression, its intervals, and the baselines."""
