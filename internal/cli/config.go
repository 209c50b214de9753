package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newConfigCommand returns `telltale config`, which looks at a configuration
// without running it.
func newConfigCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print or validate a configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigPrintCommand(env), newConfigValidateCommand(env))
	return cmd
}

func newConfigPrintCommand(env Env) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print what holds after file, environment and flags, without secrets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := s.load(env, nil)
			if err != nil {
				return err
			}
			text, err := cfg.YAML()
			if err != nil {
				return fmt.Errorf("print the configuration: %w", err)
			}
			_, err = env.Stdout.Write(text)
			return err
		},
	}
	s.bind(cmd)
	return cmd
}

func newConfigValidateCommand(env Env) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Say everything that is wrong with a configuration",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, err := s.load(env, nil); err != nil {
				return err
			}
			_, err := fmt.Fprintln(env.Stdout, "The configuration is valid.")
			return err
		},
	}
	s.bind(cmd)
	return cmd
}
