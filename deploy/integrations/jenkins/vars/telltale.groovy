// Step of a shared library: says when the deployment in the closure starts and
// how it ends. What goes wrong with Telltale is printed and changes nothing.
//
//   telltale(env: 'prod', region: 'eu-west-1', component: 'checkout', version: tag, credentialsId: 'telltale') {
//     sh './deploy.sh'
//   }
//
// Beside the names: server (default: TELLTALE_SERVER of the node), release, and
// onSuccess: 'in_progress' where something else deploys what the closure pushed.
// For signs of life in a long deployment put `telltale-emit run --` before the
// command in place of this step.
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

def call(Map about, Closure body) {
  say('in_progress', about)
  def result
  try {
    result = body()
  } catch (FlowInterruptedException e) {
    say('cancelled', about)
    throw e
  } catch (e) {
    say('failed', about)
    throw e
  }
  say(about.onSuccess ?: 'deployed', about)
  return result
}

private void say(String word, Map about) {
  try {
    def said = ["WORD=${word}"]
    for (name in ['server', 'env', 'region', 'component', 'version', 'release']) {
      if (about[name]) {
        said << "TELLTALE_${name.toUpperCase()}=${about[name]}"
      }
    }
    withEnv(said) {
      if (about.credentialsId) {
        withCredentials([string(credentialsId: about.credentialsId, variable: 'TELLTALE_TOKEN')]) {
          sh label: "telltale: ${word}", script: libraryResource('telltale/say.sh')
        }
      } else {
        sh label: "telltale: ${word}", script: libraryResource('telltale/say.sh')
      }
    }
  } catch (FlowInterruptedException e) {
    throw e
  } catch (e) {
    echo "telltale: ${word} is not said: ${e.message}"
  }
}
